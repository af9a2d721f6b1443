FROM basis
COPY *.txt fold?r/*.md /found/
