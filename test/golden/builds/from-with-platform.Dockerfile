FROM --platform=linux/amd64 basis
LABEL a=b
