FROM basis
RUN <<EOF
echo one > /one
echo two > /two
EOF
