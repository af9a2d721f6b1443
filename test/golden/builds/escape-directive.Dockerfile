# escape=`
FROM basis
RUN echo one `
  two > /out
ENV A=`$x
