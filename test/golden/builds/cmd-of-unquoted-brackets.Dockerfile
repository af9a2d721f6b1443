FROM basis
CMD [ 'a', b ]
