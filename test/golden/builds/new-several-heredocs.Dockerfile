FROM basis
COPY <<one <<two /both/
1
one
2
two
