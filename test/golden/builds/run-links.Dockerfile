FROM basis
RUN echo x > /x && ln /x /hard && ln -s x /soft && ln -s /nowhere /dangling
