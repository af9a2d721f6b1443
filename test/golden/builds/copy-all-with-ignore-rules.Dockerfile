FROM basis
COPY . /all/
