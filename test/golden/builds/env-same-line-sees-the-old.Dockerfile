FROM basis
ENV A=old
ENV A=new B=$A
