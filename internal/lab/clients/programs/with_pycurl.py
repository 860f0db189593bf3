# libcurl by way of PycURL: with_pycurl.py URL ROOTS [status]
import io, sys, pycurl
body = io.BytesIO()
c = pycurl.Curl()
c.setopt(c.URL, sys.argv[1])
c.setopt(c.CAINFO, sys.argv[2])
c.setopt(c.TIMEOUT, 10)
if "status" in sys.argv[3:]:
    c.setopt(pycurl.SSL_VERIFYSTATUS if hasattr(pycurl, "SSL_VERIFYSTATUS") else 232, 1)
c.setopt(c.WRITEDATA, body)
c.perform()
print(body.getvalue()[:100])
