FROM basis
WORKDIR /a/b
WORKDIR c
RUN pwd > /pwd
WORKDIR ../d
