from basis
run echo x > /x
env a=b
cmd ["x"]
