FROM basis
ENV A=1
RUN env | grep -v -e HOSTNAME -e SHLVL | sort > /env; pwd > /pwd; umask > /umask
