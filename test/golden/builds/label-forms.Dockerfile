FROM basis
LABEL a=1 "b c"="d e" f='g'
LABEL multi="line \
break"
LABEL old form
