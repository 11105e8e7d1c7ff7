"""Addresses as data: as people write them and as names resolve; which a webhook may go to, and which not."""

from __future__ import annotations

WRITTEN_WRONG = """
http://hooks.example.com/
ftp://hooks.example.com/
file:///etc/passwd
gopher://hooks.example.com/
//hooks.example.com/
hooks.example.com
https://
https:///path
https:hooks.example.com
https://user@hooks.example.com/
https://user:password@hooks.example.com/
https://hooks.example.com@127.0.0.1/
https://127.0.0.1#@hooks.example.com/
https://hooks.example.com/#fragment
https://hooks.example.com#
https://hooks.example.com\\@127.0.0.1/
https://hooks.example.com/a b
https://hooks.example.com:22/
https://hooks.example.com:80/
https://hooks.example.com:6379/
https://hooks.example.com:8123/
https://hooks.example.com:9092/
https://hooks.example.com:0/
https://hooks.example.com:65536/
https://hooks.example.com:-1/
https://hooks.example.com:443a/
https://hooks.example.com:/
https://hooks..example.com/
https://.example.com/
https://-hooks.example.com-/
https://hooks_.example.c%6fm/
https://hooks.example.com%00.evil.test/
https://grüße.example.com/
https://127.0.0.1/
https://127.1/
https://127.0.1/
https://2130706433/
https://017700000001/
https://0x7f000001/
https://0x7f.0.0.1/
https://0x7f.1/
https://0177.0.0.1/
https://127.0.0.1./
https://127.0.0.01/
https://1.2.3.4.5/
https://256.256.256.256/
https://134744072/
https://0x8.0x8.0x8.0x8/
https://0/
https://0.0.0.0/
https://10.0.0.1/
https://172.16.0.1/
https://172.31.255.255/
https://192.168.1.1/
https://169.254.169.254/latest/meta-data/
https://100.64.0.1/
https://192.0.0.192/
https://192.0.2.1/
https://198.18.0.1/
https://198.51.100.7/
https://203.0.113.9/
https://192.88.99.1/
https://224.0.0.1/
https://240.0.0.1/
https://255.255.255.255/
https://[::]/
https://[::1]/
https://[0:0:0:0:0:0:0:1]/
https://[::127.0.0.1]/
https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/
https://[::ffff:8.8.8.8]/
https://[::ffff:0:10.0.0.1]/
https://[64:ff9b::127.0.0.1]/
https://[64:ff9b::8.8.8.8]/
https://[64:ff9b:1::a00:1]/
https://[2002:7f00:1::]/
https://[2002:808:808::1]/
https://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/
https://[2001:db8::1]/
https://[2001:2::1]/
https://[2001:10::1]/
https://[3fff::1]/
https://[100::1]/
https://[5f00::1]/
https://[fc00::1]/
https://[fd12:3456::1]/
https://[fe80::1]/
https://[fe80::1%25eth0]/
https://[2606:4700::1111%25lo]/
https://[fec0::1]/
https://[ff02::1]/
https://[127.0.0.1]/
https://[::1/
https://::1/
"""

CONTROLS = (
    "https://hooks.example.com/\tx",
    "https://hooks.example.com/\r\nx: y",
    "https://a.test/\0",
    " https://a.test/",
)

WRITTEN_RIGHT = {
    "https://hooks.example.com": ("hooks.example.com", 443, "/"),
    "https://hooks.example.com/a/b?c=d%20e&f": ("hooks.example.com", 443, "/a/b?c=d%20e&f"),
    "HTTPS://Hooks.Example.COM:443/": ("hooks.example.com", 443, "/"),
    "https://hooks.example.com./": ("hooks.example.com.", 443, "/"),
    "https://xn--gre-hoa2c.example.com/": ("xn--gre-hoa2c.example.com", 443, "/"),
    "https://8.8.8.8/": ("8.8.8.8", 443, "/"),
    "https://[2606:4700:0:0:0:0:0:1111]/": ("2606:4700::1111", 443, "/"),
    "https://a_b.example.com/?": ("a_b.example.com", 443, "/"),
}

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1
203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1
::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::a00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1
2001:0:4136:e378:8000:63bf:f5ff:fffe 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:a00:1::1
2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
not-an-address 8.8.8.8.8 1 0x7f000001
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.0.1
172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.0.1 198.20.0.1 223.255.255.255
2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 2003::1
"""
