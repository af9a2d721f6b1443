FROM basis
CMD echo $HOME && true
