FROM basis
ADD a.txt /x/
ADD folder /y
