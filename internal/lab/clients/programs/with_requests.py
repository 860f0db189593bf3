# The requests package: with_requests.py URL ROOTS
import sys, requests
print(requests.get(sys.argv[1], verify=sys.argv[2], timeout=10).content[:100])
