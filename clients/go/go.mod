module bellwire

go 1.19
