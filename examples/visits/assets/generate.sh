#!/bin/sh
# What the volume container does before it ends: makes a page in a volume that only lives as long as this container.
set -eu
cat > /srv/www/generated/about.html <<PAGE
<!doctype html>
<title>about</title>
<p>Made on $(date -u +%Y-%m-%d) by $(hostname), a container that lends its volumes to the web server.</p>
PAGE
echo "made /srv/www/generated/about.html"
