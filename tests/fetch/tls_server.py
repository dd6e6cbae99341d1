"""tls_server.py FOLDER: an https server on a free port of 127.0.0.1 whose certificate nobody signed.
Prints its port; the certificate is made in FOLDER."""
import http.server
import os
import ssl
import subprocess
import sys

folder = sys.argv[1]
certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
               check=True, capture_output=True)
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print('{"port": %d}' % server.server_address[1], flush=True)
server.serve_forever()
