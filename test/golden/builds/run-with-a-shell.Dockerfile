FROM basis
SHELL ["sh", "-e", "-c"]
RUN echo $0 $- > /shell
CMD echo x
