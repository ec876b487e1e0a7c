"""Picture files reduced to their bare picture: what a decoder is given of untrusted bytes.

Each format's file here reads the container by itself, without decoding a pixel, and answers with a BarePicture: the
size, the way up, the colour profile, the memory that decoding would take, and bytes from which all else (text,
thumbnails, further frames, whatever follows the picture) is gone. The decoders behind it parse no hostile metadata.
"""
