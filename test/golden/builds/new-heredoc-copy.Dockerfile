FROM basis
ARG W=world
COPY <<EOF /greeting
hello ${W}
EOF
COPY <<'EOF' /raw
$W
EOF
