FROM basis AS one
CMD ["cmd"]
FROM one
ENTRYPOINT ["sh"]
