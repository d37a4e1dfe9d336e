"""How a website is treated: pauses, retries, robots.txt, proxies. Arithmetic without a clock."""
