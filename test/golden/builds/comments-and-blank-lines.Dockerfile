# one

   # two
FROM basis
# three
RUN echo a \
# inside
  && echo b > /b

