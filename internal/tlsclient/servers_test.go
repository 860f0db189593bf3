package tlsclient

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
)

// config writes a server's configuration and returns its path. $KEY, $CERT,
// $DIR and $PORT are replaced.
func config(t *testing.T, k keyPair, port, text string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	text = strings.NewReplacer("$KEY", k.key, "$CERT", k.cert, "$DIR", dir, "$PORT", port).Replace(text)
	path = filepath.Join(dir, "config.cfg.lua") // prosody wants the suffix, the others do not mind
	check(t, os.WriteFile(path, []byte(text), 0o644))
	return path, dir
}

// open lets other users into the test's directories: some servers give up
// root's rights before they read.
func open(t *testing.T, dirs ...string) {
	t.Helper()
	for _, d := range dirs {
		for ; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
			os.Chmod(d, 0o777)
		}
	}
}

func wantStartTLS(t *testing.T, protocol, port string, k keyPair) {
	t.Helper()
	ev := dial(t, Config{Port: port, SNI: "dial.test", StartTLS: protocol})
	if ev.Failure != nil {
		t.Fatalf("%s: %+v", protocol, ev.Failure)
	}
	wantChain(t, ev, k)
}

func TestNginxMail(t *testing.T) {
	module := "/usr/lib/nginx/modules/ngx_mail_module.so"
	if _, err := os.Stat(module); err != nil {
		peers.Path(t, "nginx-mail-module") // skips or fails
	}
	k := ecKey(t)
	ports := []any{module, freePort(t), freePort(t), freePort(t), freePort(t)}
	conf, dir := config(t, k, "", fmt.Sprintf(`load_module %s;
daemon off; master_process off; pid $DIR/pid; error_log stderr; events {}
mail { server_name mx.test; auth_http 127.0.0.1:1/; ssl_certificate $CERT; ssl_certificate_key $KEY;
 server { listen 127.0.0.1:%s; protocol smtp; starttls on; smtp_auth login plain; }
 server { listen 127.0.0.1:%s; protocol imap; starttls on; }
 server { listen 127.0.0.1:%s; protocol pop3; starttls on; }
 server { listen 127.0.0.1:%s; protocol imap; starttls off; } }`, ports...))
	start(t, ports[4].(string), "nginx", "-c", conf, "-p", dir)
	wantStartTLS(t, "smtp", ports[1].(string), k)
	wantStartTLS(t, "imap", ports[2].(string), k)
	wantStartTLS(t, "pop3", ports[3].(string), k)
	wantFailure(t, dial(t, Config{Port: ports[4].(string), StartTLS: "imap"}), finding.StartTLSNotOffered)
	ev := dial(t, Config{Port: ports[1].(string)})
	wantFailure(t, ev, finding.PlaintextStartTLS)
	if ev.Failure.Params["starttls"] != "smtp" {
		t.Errorf("%+v", ev.Failure)
	}
}

func TestExim(t *testing.T) {
	k := ecKey(t)
	port := freePort(t)
	conf, dir := config(t, k, port, `spool_directory = $DIR
log_file_path = $DIR/log-%s
primary_hostname = mx.test
tls_advertise_hosts = *
tls_certificate = $CERT
tls_privatekey = $KEY
local_interfaces = 127.0.0.1
daemon_smtp_ports = $PORT
exim_user = root
exim_group = root
never_users =
`)
	open(t, dir, filepath.Dir(k.cert))
	check(t, os.Chmod(k.key, 0o644))
	start(t, port, "exim4", "-C", conf, "-bdf", "-q1h")
	wantStartTLS(t, "smtp", port, k)
}

func TestDovecot(t *testing.T) {
	k := ecKey(t)
	imap, pop3 := freePort(t), freePort(t)
	conf, dir := config(t, k, "", fmt.Sprintf(`protocols = imap pop3
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
service anvil {
 chroot =
}
`, imap, pop3))
	check(t, os.MkdirAll(filepath.Join(dir, "run"), 0o755))
	open(t, dir)
	start(t, imap, "dovecot", "-F", "-c", conf)
	wantStartTLS(t, "imap", imap, k)
	wantStartTLS(t, "pop3", pop3, k)
}

func TestVsftpd(t *testing.T) {
	k := selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	port := freePort(t)
	conf, dir := config(t, k, port, `listen=YES
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
	start(t, port, "vsftpd", conf)
	wantStartTLS(t, "ftp", port, k)
}

func TestSlapd(t *testing.T) {
	k := ecKey(t)
	port := freePort(t)
	conf, dir := config(t, k, port, `include /etc/ldap/schema/core.schema
pidfile $DIR/pid
TLSCertificateFile $CERT
TLSCertificateKeyFile $KEY
database ldif
suffix "dc=test"
directory $DIR/db
`)
	check(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	start(t, port, "slapd", "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:"+port+"/")
	wantStartTLS(t, "ldap", port, k)
	// Without a certificate the same server does not offer it.
	port = freePort(t)
	conf, dir = config(t, k, port, "include /etc/ldap/schema/core.schema\npidfile $DIR/pid\ndatabase ldif\nsuffix \"dc=test\"\ndirectory $DIR/db\n")
	check(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	start(t, port, "slapd", "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:"+port+"/")
	ev := dial(t, Config{Port: port, StartTLS: "ldap"})
	wantFailure(t, ev, finding.StartTLSNotOffered)
}

func TestProsody(t *testing.T) {
	k := ecKey(t)
	port := freePort(t)
	conf, dir := config(t, k, port, `pidfile = "$DIR/pid"
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
VirtualHost "dial.test"
 ssl = { certificate = "$CERT", key = "$KEY" }
`)
	open(t, dir)
	start(t, port, "prosody", "--config", conf, "-F")
	wantStartTLS(t, "xmpp", port, k)
	ev := dial(t, Config{Port: port, SNI: "unknown.test", StartTLS: "xmpp"})
	wantFailure(t, ev, finding.StartTLSRefused)
	wantFailure(t, dial(t, Config{Port: port}), finding.PlaintextStartTLS)
}

func TestPostgres(t *testing.T) {
	k := ecKey(t)
	postgres := peers.Path(t, "postgres")
	who, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("no user postgres")
	}
	if real, err := filepath.EvalSymlinks(postgres); err == nil {
		postgres = real
	}
	data := filepath.Join(t.TempDir(), "data")
	open(t, filepath.Dir(data))
	open(t, filepath.Dir(k.cert))
	as := func(args ...string) *exec.Cmd {
		return exec.Command("setpriv", append([]string{"--reuid", who.Uid, "--regid", who.Gid, "--clear-groups"}, args...)...)
	}
	if out, err := as(filepath.Join(filepath.Dir(postgres), "initdb"), "-D", data, "-A", "trust", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	check(t, exec.Command("install", "-o", who.Uid, "-g", who.Gid, "-m", "600", k.key, filepath.Join(data, "server.key")).Run())
	check(t, exec.Command("install", "-o", who.Uid, "-g", who.Gid, "-m", "644", k.cert, filepath.Join(data, "server.crt")).Run())
	for _, ssl := range []string{"on", "off"} {
		t.Run("ssl "+ssl, func(t *testing.T) {
			port := freePort(t)
			start(t, port, "setpriv", "--reuid", who.Uid, "--regid", who.Gid, "--clear-groups", postgres, "-D", data, "-p", port,
				"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "ssl="+ssl)
			if ssl == "on" {
				wantStartTLS(t, "postgres", port, k)
				return
			}
			wantFailure(t, dial(t, Config{Port: port, StartTLS: "postgres"}), finding.StartTLSNotOffered)
		})
	}
}

func TestMariaDB(t *testing.T) {
	k := selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	port := freePort(t)
	dir := filepath.Join(t.TempDir(), "data")
	server := peers.Path(t, "mariadbd")
	if out, err := exec.Command(peers.Path(t, "mariadb-install-db"), "--no-defaults", "--datadir="+dir, "--user=root", "--skip-test-db").CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	start(t, port, server, "--no-defaults", "--user=root", "--datadir="+dir, "--port="+port, "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(dir, "s"), "--ssl-cert="+k.cert, "--ssl-key="+k.key)
	wantStartTLS(t, "mysql", port, k)
	ev := dial(t, Config{Port: port})
	wantFailure(t, ev, finding.PlaintextStartTLS)
}
