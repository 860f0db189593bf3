package assaycaddy

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/assaytls/assay/internal/house"
)

// The block of JSON in the README has settings of the module alone.
func TestDocumentedJSON(t *testing.T) {
	blocks, err := house.BlocksFor("..", "assaycaddy/README.md", "assaycaddy TestDocumentedJSON")
	if err != nil || len(blocks) != 1 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	got := struct {
		Name string `json:"verifier"`
		Verifier
	}{}
	d := json.NewDecoder(bytes.NewReader([]byte(blocks[0].Text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || "tls.client_auth.verifier."+got.Name != string(Verifier{}.CaddyModule().ID) || len(got.CRLFiles) != 1 || got.Unknown != "deny" || got.Network != "offline" {
		t.Errorf("%v: %+v", err, got)
	}
}
