"""Picture files reduced to their bare picture, which is all that a decoder gets of untrusted bytes.

Each format has a module that reads the container, without decoding a pixel, and returns a BarePicture: the size, the
orientation, the colour profile, the memory that decoding would take, and bytes from which all else (text, thumbnails,
further frames, trailing bytes) is removed. So the decoders never parse hostile metadata.
"""
