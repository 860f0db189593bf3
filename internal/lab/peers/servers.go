package peers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// Each of these runs a real server until the test ends, with the certificate
// and the key in the files named, and returns its ports. Where not told
// otherwise it asks for TLS by STARTTLS and listens on 127.0.0.1 only.

// NginxMail is nginx's mail module: SMTP, IMAP, POP3, and IMAP without TLS.
func NginxMail(t testing.TB, cert, key string) (smtp, imap, pop3, plain string) {
	t.Helper()
	Path(t, "nginx mail")
	smtp, imap, pop3, plain = FreePort(t), FreePort(t), FreePort(t), FreePort(t)
	conf, dir := config(t, cert, key, "", fmt.Sprintf(`load_module %s;
daemon off; master_process off; pid $DIR/pid; error_log stderr; events {}
mail { server_name mx.test; auth_http 127.0.0.1:1/; ssl_certificate $CERT; ssl_certificate_key $KEY; ssl_protocols TLSv1.2 TLSv1.3;
 server { listen 127.0.0.1:%s; protocol smtp; starttls on; smtp_auth login plain; }
 server { listen 127.0.0.1:%s; protocol imap; starttls on; }
 server { listen 127.0.0.1:%s; protocol pop3; starttls on; }
 server { listen 127.0.0.1:%s; protocol imap; starttls off; } }`, parts["nginx mail"].files[0], smtp, imap, pop3, plain))
	Start(t, plain, "nginx", "-e", "stderr", "-c", conf, "-p", dir)
	return smtp, imap, pop3, plain
}

// Exim speaks SMTP at the first port, and TLS at once at the second.
func Exim(t testing.TB, cert, key string) (smtp, smtps string) {
	t.Helper()
	smtp, smtps = FreePort(t), FreePort(t)
	conf, dir := config(t, cert, key, smtp, `spool_directory = $DIR
log_file_path = $DIR/log-%s
primary_hostname = mx.test
tls_advertise_hosts = *
tls_certificate = $CERT
tls_privatekey = $KEY
local_interfaces = 127.0.0.1
daemon_smtp_ports = $PORT : `+smtps+`
tls_on_connect_ports = `+smtps+`
exim_user = root
exim_group = root
never_users =
`)
	open(t, dir, filepath.Dir(cert))
	check(t, os.Chmod(key, 0o644))
	Start(t, smtp, "exim4", "-C", conf, "-bdf", "-q1h")
	return smtp, smtps
}

// Mailbox is an Exim that takes mail for anybody at the port and puts it into the file.
func Mailbox(t testing.TB) (port, file string) {
	t.Helper()
	port = FreePort(t)
	dir := t.TempDir()
	file = filepath.Join(dir, "mailbox")
	conf := filepath.Join(dir, "exim.conf")
	text := strings.NewReplacer("$DIR", dir, "$PORT", port, "$FILE", file).Replace(`spool_directory = $DIR
log_file_path = $DIR/log-%s
primary_hostname = mx.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = $PORT
exim_user = root
exim_group = root
never_users =
acl_smtp_rcpt = accept
rfc1413_query_timeout = 0s
tls_advertise_hosts =
keep_environment =
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = $FILE
  user = nobody
  group = nogroup
`)
	check(t, os.WriteFile(conf, []byte(text), 0o644))
	open(t, dir)
	check(t, os.Chmod(dir, 0o777)) // Exim delivers nothing as root
	Start(t, port, "exim4", "-C", conf, "-bdf", "-q1h", "-odi")
	return port, file
}

// Alertmanager is Prometheus' one; it tells nobody.
func Alertmanager(t testing.TB) (port string) {
	t.Helper()
	port = FreePort(t)
	dir := t.TempDir()
	conf := filepath.Join(dir, "alertmanager.yml")
	check(t, os.WriteFile(conf, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o644))
	Start(t, port, "prometheus-alertmanager", "--config.file="+conf, "--storage.path="+dir, "--web.listen-address=127.0.0.1:"+port, "--cluster.listen-address=")
	return port
}

// Dovecot speaks IMAP, POP3, LMTP and ManageSieve.
func Dovecot(t testing.TB, cert, key string) (imap, pop3, lmtp, sieve string) {
	t.Helper()
	imap, pop3, lmtp, sieve = FreePort(t), FreePort(t), FreePort(t), FreePort(t)
	conf, dir := config(t, cert, key, "", fmt.Sprintf(`protocols = imap pop3 lmtp sieve
base_dir = $DIR/run
state_dir = $DIR/state
log_path = /dev/stderr
listen = 127.0.0.1
ssl = yes
ssl_cert = <$CERT
ssl_key = <$KEY
mail_location = maildir:$DIR/mail
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
passdb {
 driver = static
}
service imap-login {
 chroot =
 inet_listener imap {
  port = %s
 }
 inet_listener imaps {
  port = 0
 }
}
service pop3-login {
 chroot =
 inet_listener pop3 {
  port = %s
 }
 inet_listener pop3s {
  port = 0
 }
}
service lmtp {
 inet_listener lmtp {
  port = %s
 }
}
service managesieve-login {
 chroot =
 inet_listener sieve {
  port = %s
 }
}
service anvil {
 chroot =
}
`, imap, pop3, lmtp, sieve))
	check(t, os.MkdirAll(filepath.Join(dir, "run"), 0o755))
	open(t, dir)
	Start(t, imap, "dovecot", "-F", "-c", conf)
	return imap, pop3, lmtp, sieve
}

// Vsftpd speaks FTP. Its key must be an RSA key.
func Vsftpd(t testing.TB, cert, key string) (port string) {
	t.Helper()
	port = FreePort(t)
	conf, dir := config(t, cert, key, port, `listen=YES
listen_address=127.0.0.1
listen_port=$PORT
background=NO
seccomp_sandbox=NO
anonymous_enable=YES
secure_chroot_dir=$DIR/empty
ssl_enable=YES
rsa_cert_file=$CERT
rsa_private_key_file=$KEY
`)
	check(t, os.Mkdir(filepath.Join(dir, "empty"), 0o555))
	Start(t, port, "vsftpd", conf)
	return port
}

// Slapd speaks LDAP. Without a certificate ("") it does not offer TLS.
func Slapd(t testing.TB, cert, key string) (port string) {
	t.Helper()
	port = FreePort(t)
	files := ""
	if cert != "" {
		files = "TLSCertificateFile $CERT\nTLSCertificateKeyFile $KEY\n"
	}
	conf, dir := config(t, cert, key, port, `include /etc/ldap/schema/core.schema
pidfile $DIR/pid
`+files+`database ldif
suffix "dc=test"
directory $DIR/db
`)
	check(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	Start(t, port, "slapd", "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:"+port+"/")
	return port
}

// Prosody speaks XMPP for the domain.
func Prosody(t testing.TB, cert, key, domain string) (port string) {
	t.Helper()
	port = FreePort(t)
	conf, dir := config(t, cert, key, port, `pidfile = "$DIR/pid"
data_path = "$DIR"
daemonize = false
run_as_root = true
interfaces = { "127.0.0.1" }
c2s_ports = { $PORT }
legacy_ssl_ports = {}
modules_enabled = { "tls", "saslauth" }
modules_disabled = { "s2s" }
certificates = "$DIR"
log = { warn = "*console" }
VirtualHost "`+domain+`"
 ssl = { certificate = "$CERT", key = "$KEY" }
`)
	open(t, dir)
	Start(t, port, "prosody", "--config", conf, "-F")
	return port
}

// Postgres speaks PostgreSQL, with or without TLS. Everybody may log in.
func Postgres(t testing.TB, cert, key string, ssl bool) (port string) {
	t.Helper()
	postgres := Path(t, "postgres")
	who, err := user.Lookup("postgres")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and a user postgres")
	}
	if real, err := filepath.EvalSymlinks(postgres); err == nil {
		postgres = real
	}
	data := filepath.Join(t.TempDir(), "data")
	open(t, filepath.Dir(data))
	open(t, filepath.Dir(cert))
	as := func(args ...string) *exec.Cmd {
		return exec.Command("setpriv", append([]string{"--reuid", who.Uid, "--regid", who.Gid, "--clear-groups"}, args...)...)
	}
	if out, err := as(filepath.Join(filepath.Dir(postgres), "initdb"), "-D", data, "-A", "trust", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	check(t, exec.Command("install", "-o", who.Uid, "-g", who.Gid, "-m", "600", key, filepath.Join(data, "server.key")).Run())
	check(t, exec.Command("install", "-o", who.Uid, "-g", who.Gid, "-m", "644", cert, filepath.Join(data, "server.crt")).Run())
	port = FreePort(t)
	s := Start(t, port, "setpriv", "--reuid", who.Uid, "--regid", who.Gid, "--clear-groups", postgres, "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "lc_messages=C", "-c", fmt.Sprintf("ssl=%t", ssl))
	s.Shows(t, "ready to accept connections")
	return port
}

// MariaDB speaks MySQL's protocol. Its key must be an RSA key.
func MariaDB(t testing.TB, cert, key string) (port string) {
	t.Helper()
	port = FreePort(t)
	dir := filepath.Join(t.TempDir(), "data")
	server := Path(t, "mariadbd")
	if out, err := exec.Command(Path(t, "mariadb-install-db"), "--no-defaults", "--datadir="+dir, "--user=root", "--skip-test-db").CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	Start(t, port, server, "--no-defaults", "--user=root", "--datadir="+dir, "--port="+port, "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(dir, "s"), "--ssl-cert="+cert, "--ssl-key="+key)
	return port
}

// Tinyproxy is an HTTP proxy that connects to the target's port only and wants
// the login user:pass.
func Tinyproxy(t testing.TB, target string) (port string) {
	t.Helper()
	port = FreePort(t)
	conf, _ := config(t, "", "", port, "Port $PORT\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nBasicAuth user pass\nConnectPort "+target+"\n")
	Start(t, port, "tinyproxy", "-d", "-c", conf)
	return port
}

// Dante is a SOCKS5 proxy that connects to the target's port only.
func Dante(t testing.TB, target string) (port string) {
	t.Helper()
	port = FreePort(t)
	conf, _ := config(t, "", "", port, `logoutput: stderr
internal: 127.0.0.1 port = $PORT
external: lo
clientmethod: none
socksmethod: none
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 port = `+target+` }
`)
	Start(t, port, "danted", "-f", conf)
	return port
}

// Inspircd speaks IRC.
func Inspircd(t testing.TB, cert, key string) (port string) {
	t.Helper()
	port = FreePort(t)
	conf, dir := config(t, cert, key, port, `<server name="irc.test" description="lab" network="lab">
<admin name="lab" nick="lab" email="lab@irc.test">
<path configdir="$DIR" datadir="$DIR" logdir="$DIR" runtimedir="$DIR">
<module name="ssl_gnutls">
<module name="starttls">
<sslprofile name="lab" provider="gnutls" certfile="$CERT" keyfile="$KEY">
<starttls sslprofile="lab">
<bind address="127.0.0.1" port="$PORT" type="clients">
<connect allow="*" timeout="60" resolvehostnames="no" useident="no">
<dns server="127.0.0.1" timeout="1">
<files motd="">
`)
	open(t, dir)
	Start(t, port, "inspircd", "--config", conf, "--nofork", "--nolog", "--nopid", "--runasroot")
	return port
}

// Xrdp speaks RDP with TLS as an option, or without it.
func Xrdp(t testing.TB, cert, key string, tls bool) (port string) {
	t.Helper()
	port = FreePort(t)
	layer := map[bool]string{true: "negotiate", false: "rdp"}[tls]
	conf, _ := config(t, cert, key, port, `[Globals]
ini_version=1
fork=true
port=tcp://127.0.0.1:$PORT
security_layer=`+layer+`
crypt_level=high
certificate=$CERT
key_file=$KEY
ssl_protocols=TLSv1.2, TLSv1.3
[Logging]
LogFile=/dev/null
LogLevel=INFO
EnableSyslog=false
`)
	Start(t, port, "xrdp", "--nodaemon", "--config", conf)
	return port
}

// Nnrpd is the part of INN that speaks NNTP with readers.
func Nnrpd(t testing.TB, cert, key string) (port string) {
	t.Helper()
	port = FreePort(t)
	who, err := user.Lookup("news")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and a user news")
	}
	conf, dir := config(t, cert, key, port, `mta: "/bin/true %s"
hismethod: hisv6
domain: news.test
pathhost: news.test
pathnews: /usr/lib/news
pathetc: $DIR
pathdb: $DIR
pathrun: $DIR
pathspool: $DIR
pathoverview: $DIR
pathlog: $DIR
ovmethod: tradindexed
tlscertfile: $CERT
tlskeyfile: $DIR/key
runasuser: news
runasgroup: news
`)
	readers := filepath.Join(dir, "readers.conf")
	check(t, os.WriteFile(readers, []byte("auth \"a\" {\n hosts: \"127.0.0.1\"\n default: \"<a>\"\n}\naccess \"a\" {\n users: \"<a>\"\n newsgroups: \"*\"\n}\n"), 0o644))
	for _, name := range []string{"active", "active.times", "newsgroups", "storage.conf"} {
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	// The index of no groups at all, without which it serves nobody.
	index := append([]byte{0xc2, 0x0c, 0x0f, 0x0e}, bytes.Repeat([]byte{0xff}, 4*(16<<10+1))...)
	check(t, os.WriteFile(filepath.Join(dir, "group.index"), index, 0o644))
	open(t, dir)
	open(t, filepath.Dir(cert))
	check(t, exec.Command("install", "-o", who.Uid, "-g", who.Gid, "-m", "600", key, filepath.Join(dir, "key")).Run())
	check(t, exec.Command("chown", "-R", who.Uid+":"+who.Gid, dir).Run())
	t.Setenv("INNCONF", conf)
	Start(t, port, "nnrpd", "-D", "-f", "-p", port, "-4", "127.0.0.1", "-c", readers)
	return port
}
