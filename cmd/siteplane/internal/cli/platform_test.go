package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func newTenant() *lifecyclev1.CreateTenantResponse {
	return &lifecyclev1.CreateTenantResponse{
		Tenant: &lifecyclev1.Tenant{TenantId: "ten_02", Name: "shop", CreateTime: ago(time.Second)},
		ApiKey: "sp_tenant_key",
	}
}

func TestTenantCreate(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.tenants.created = newTenant()
		r.golden("tenant_create."+format, cli.ExitOK, "tenant", "create", "shop", "-o", format)
	}
	t.Run("writes a config file that leads to the same installation", func(t *testing.T) {
		r := setup(t)
		r.tenants.created = newTenant()
		file := filepath.Join(t.TempDir(), "shop.json")
		if got := r.run("tenant", "create", "shop", "--write-config", file); got.code != cli.ExitOK || !strings.Contains(got.stdout, file) {
			t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		want := r.config
		want.Key = "sp_tenant_key"
		written, err := cliconfig.Read(file) // refuses what others may read
		if err != nil || written != want {
			t.Errorf("wrote %#v, %v", written, err)
		}
		if own, err := cliconfig.Read(r.file); err != nil || own != r.config {
			t.Errorf("the admin's file is %#v, %v", own, err)
		}
	})
	t.Run("leaves a file that is there alone, and creates nothing", func(t *testing.T) {
		r := setup(t)
		r.golden("tenant_create_exists", cli.ExitUsage, "tenant", "create", "shop", "--write-config", r.file)
		if len(r.sites.requests) != 0 {
			t.Error("the server was called")
		}
	})
	t.Run("shows the key even when the file cannot be written", func(t *testing.T) {
		r := setup(t)
		r.tenants.created = newTenant()
		dir := filepath.Join(t.TempDir(), "file")
		must(t, os.Symlink("/proc/nowhere", dir))
		got := r.run("tenant", "create", "shop", "--write-config", filepath.Join(dir, "shop.json"))
		if got.code != cli.ExitError || !strings.Contains(got.stdout, "sp_tenant_key") || !strings.Contains(got.stderr, "the key was made, but not its config file") {
			t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	})
	t.Run("says what to do about a name in use", func(t *testing.T) {
		r := setup(t)
		r.sites.fail = rpcerr.New(codes.AlreadyExists, "NAME_TAKEN", `tenant "shop" is taken`)
		r.golden("tenant_create_taken", cli.ExitConflict, "tenant", "create", "shop")
	})
}

func TestPlatformLists(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.tenants.tenants = []*lifecyclev1.Tenant{newTenant().Tenant, {TenantId: "ten_03", Name: hostile}}
		r.zones.grants = []*lifecyclev1.ZoneGrant{{ZoneName: "shop.example", TenantId: "ten_02", CreateTime: ago(time.Hour)}}
		r.golden("tenant_list."+format, cli.ExitOK, "tenant", "list", "-o", format)
		r.golden("zone_list."+format, cli.ExitOK, "zone", "list", "-o", format)
		r.golden("zone_grant."+format, cli.ExitOK, "zone", "grant", "Shop.example.", "--tenant", "shop", "-o", format)
		want := &lifecyclev1.GrantZoneRequest{ZoneName: "shop.example", TenantId: "ten_02", RequestId: "new-request-id"}
		if diff := cmp.Diff(any(want), r.sites.requests[len(r.sites.requests)-1], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("a tenant that is not there is granted nothing", func(t *testing.T) {
		setup(t).golden("zone_grant_missing", cli.ExitNotFound, "zone", "grant", "shop.example", "--tenant", "shop")
	})
}
