package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

func newKey() *lifecyclev1.CreateKeyResponse {
	return &lifecyclev1.CreateKeyResponse{ApiKey: "sp_new_key", Key: &lifecyclev1.Key{
		KeyId: "key_02", TenantId: "ten_01", Name: "ci", Role: lifecyclev1.Role_ROLE_OPERATOR, SiteIds: []string{"site_01", "site_02"},
		CreateTime: ago(0), ExpireTime: timestamppb.New(start.Add(720 * time.Hour)),
	}}
}

func someKeys() []*lifecyclev1.Key {
	return []*lifecyclev1.Key{
		newKey().GetKey(),
		{KeyId: "key_01", Name: "up", Role: lifecyclev1.Role_ROLE_PLATFORM_ADMIN, CreateTime: ago(72 * time.Hour), LastUseTime: ago(time.Minute)},
		{KeyId: "key_03", Name: "old", Role: lifecyclev1.Role_ROLE_VIEWER, SiteIds: []string{"site_01"}, CreateTime: ago(72 * time.Hour), ExpireTime: ago(0)},
		{KeyId: "key_04", Name: hostile, Role: lifecyclev1.Role_ROLE_ADMIN, CreateTime: ago(time.Hour), RevokeTime: ago(time.Minute), ExpireTime: ago(time.Second)},
	}
}

func TestKeyCreate(t *testing.T) {
	create := []string{"key", "create", "ci", "--role", "operator"}
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.keys.created = newKey()
		r.golden("key_create."+format, cli.ExitOK, append(create, "-o", format)...)
	}
	t.Run("sends what was asked for", func(t *testing.T) {
		r := setup(t)
		r.keys.created, r.sites.pages = newKey(), twoPages()
		r.tenants.tenants = []*lifecyclev1.Tenant{newTenant().GetTenant()}
		for _, test := range []struct {
			args []string
			want *lifecyclev1.CreateKeyRequest
		}{
			{[]string{"--site", "site_09", "--site", "shop", "--expires", "720h"}, &lifecyclev1.CreateKeyRequest{
				SiteIds: []string{"site_09", "site_01"}, ExpireTime: timestamppb.New(start.Add(720 * time.Hour)),
			}},
			{[]string{"--tenant", "shop", "--expires", "2027-01-31T00:00:00Z"}, &lifecyclev1.CreateKeyRequest{
				TenantId: "ten_02", ExpireTime: timestamppb.New(time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)),
			}},
			{[]string{"--tenant", "me"}, &lifecyclev1.CreateKeyRequest{}},
		} {
			test.want.Name, test.want.Role, test.want.RequestId = "ci", lifecyclev1.Role_ROLE_OPERATOR, "new-request-id"
			if got := r.run(append(create, test.args...)...); got.code != cli.ExitOK {
				t.Fatal(got.stderr)
			}
			if diff := cmp.Diff(any(test.want), r.sites.requests[len(r.sites.requests)-1], protocmp.Transform()); diff != "" {
				t.Errorf("%v: %s", test.args, diff)
			}
		}
	})
	t.Run("keeps the key in a file and a context", func(t *testing.T) {
		r := setup(t)
		r.keys.created = newKey()
		file := filepath.Join(r.home, "ci.json")
		r.golden("key_create_kept", cli.ExitOK, append(create, "--write-config", file, "--add-context", "ci")...)
		want := r.config
		want.Key = "sp_new_key"
		for _, kept := range []string{file, filepath.Join(r.home, ".config/siteplane/contexts/ci.json")} {
			if got, err := cliconfig.Read(kept); err != nil || got != want {
				t.Errorf("%s holds %#v, %v", kept, got, err)
			}
		}
	})
	t.Run("makes none when the context is there already", func(t *testing.T) {
		r := setup(t)
		r.keys.created = newKey()
		r.addContext("ci")
		r.golden("key_create_context_taken", cli.ExitUsage, append(create, "--add-context", "ci")...)
		if len(r.sites.requests) != 0 {
			t.Error("the server was called")
		}
	})
	t.Run("says where the key was when the request is repeated", func(t *testing.T) {
		r := setup(t)
		r.keys.created = newKey()
		r.keys.created.ApiKey = ""
		r.golden("key_create_repeated", cli.ExitConflict, append(create, "--request-id", "r", "--add-context", "ci")...)
	})
}

func TestKeyList(t *testing.T) {
	for _, format := range []string{"table", "json", "yaml"} {
		r := setup(t)
		r.keys.keys = someKeys()
		r.golden("key_list."+format, cli.ExitOK, "key", "list", "--all", "-o", format)
		if request := r.sites.requests[0].(*lifecyclev1.ListKeysRequest); !request.GetAll() {
			t.Error("did not ask for all")
		}
	}
}

func TestKeyRevoke(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.keys.keys = someKeys()
		r.golden("key_revoke."+format, cli.ExitOK, "key", "revoke", "ci", "-o", format)
		if request := r.sites.requests[1].(*lifecyclev1.RevokeKeyRequest); request.GetKeyId() != "key_02" {
			t.Errorf("revoked %v", request)
		}
	}
	t.Run("of a name that several have revokes none", func(t *testing.T) {
		r := setup(t)
		r.keys.keys = someKeys()
		r.keys.keys[1].Name = "ci"
		got := r.run("key", "revoke", "ci")
		if got.code != cli.ExitUsage || !strings.Contains(got.stderr, "key_02, key_01") || len(r.sites.requests) != 1 {
			t.Errorf("exit code %d, %s", got.code, got.stderr)
		}
	})
	t.Run("of a name that none has", func(t *testing.T) {
		setup(t).golden("key_missing", cli.ExitNotFound, "key", "revoke", "ci")
	})
}
