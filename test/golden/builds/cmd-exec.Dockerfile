FROM basis
CMD ["sh", "-c", "echo $HOME"]
