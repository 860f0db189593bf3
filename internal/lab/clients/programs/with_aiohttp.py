# The aiohttp package: with_aiohttp.py URL ROOTS
import asyncio, ssl, sys, aiohttp
async def main():
    context = ssl.create_default_context(cafile=sys.argv[2])
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        async with session.get(sys.argv[1], ssl=context) as answer:
            print((await answer.read())[:100])
asyncio.run(main())
