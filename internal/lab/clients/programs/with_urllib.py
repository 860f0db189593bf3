# Python's own client: with_urllib.py URL ROOTS [strict] [no-common-name]
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
if "strict" in sys.argv[3:]:
    context.verify_flags |= ssl.VERIFY_X509_STRICT
if "no-common-name" in sys.argv[3:]:
    context.hostname_checks_common_name = False
print(urllib.request.urlopen(sys.argv[1], timeout=10, context=context).read(100))
