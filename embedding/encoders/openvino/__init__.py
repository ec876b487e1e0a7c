"""Networks compiled for the processor by OpenVINO: made, compared with the original, run without torch."""
