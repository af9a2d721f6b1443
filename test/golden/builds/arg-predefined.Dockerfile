# build {"args": {"http_proxy": "http://proxy:1"}}
FROM basis
RUN echo "$http_proxy" > /proxy
