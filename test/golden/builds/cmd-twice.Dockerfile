FROM basis
CMD ["one"]
CMD ["two"]
