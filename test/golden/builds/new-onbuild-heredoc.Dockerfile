FROM basis AS parent
ONBUILD RUN <<EOF
echo ran > /ran
EOF
ONBUILD COPY <<"EOF" /copied
$text
EOF
FROM parent
