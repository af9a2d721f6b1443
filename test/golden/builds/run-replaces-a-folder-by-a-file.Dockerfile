FROM basis
RUN mkdir /p && echo x > /p/x
RUN rm -rf /p && echo file > /p
