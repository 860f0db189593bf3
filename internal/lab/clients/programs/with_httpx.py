# The httpx package: with_httpx.py URL ROOTS
import sys, httpx
print(httpx.get(sys.argv[1], verify=sys.argv[2], timeout=10).content[:100])
