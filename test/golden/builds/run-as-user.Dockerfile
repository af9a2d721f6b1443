FROM basis
RUN mkdir /own && chmod 777 /own
USER app
RUN id > /own/id && echo $HOME > /own/home
