# Ruby's net/http: net.rb URL ROOTS
require "net/http"
url = URI(ARGV[0])
http = Net::HTTP.new(url.host, url.port)
http.use_ssl = true
http.ca_file = ARGV[1]
http.open_timeout = http.ssl_timeout = http.read_timeout = 10
puts http.get(url.path).body[0, 100]
