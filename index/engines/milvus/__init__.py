"""VectorEngine on Milvus, a server that keeps vectors on many machines: https://milvus.io."""
