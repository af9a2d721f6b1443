FROM basis
COPY ["with space.txt", "/the target/"]
