FROM basis
ENV A=1 B="two words" C=three\ words
ENV OLD the old form
ENV D=$A$B
