"""The library's own format: a graph and its weights in the layout of safetensors."""
