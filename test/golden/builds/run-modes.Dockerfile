FROM basis
RUN mkdir /s && chmod 1777 /s && echo x > /s/u && chmod 4755 /s/u && echo y > /s/g && chmod 2755 /s/g
