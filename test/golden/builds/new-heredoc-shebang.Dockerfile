FROM basis
RUN <<EOF
#!/bin/sh
echo $0 | tr a-z A-Z | wc -c > /dev/null; echo x > /x
EOF
