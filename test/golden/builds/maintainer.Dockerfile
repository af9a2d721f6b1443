FROM basis
MAINTAINER Someone <some@one>
