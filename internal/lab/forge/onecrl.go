package forge

import (
	"encoding/base64"
	"encoding/json"
)

// OneCRL returns a OneCRL that revokes one certificate by the DER of its issuer's
// name and the contents of its serial number's INTEGER.
func OneCRL(issuer, serial []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	b, err := json.Marshal(map[string]any{"data": []map[string]any{{"id": "lab-1", "issuerName": b64(issuer), "serialNumber": b64(serial),
		"enabled": false, "details": map[string]string{"bug": "https://bugs.example/1"}}}})
	if err != nil {
		panic(err)
	}
	return b
}
