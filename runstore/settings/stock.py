"""What stock W&B tools know as settings: names that mean nothing here, names of older versions, and their two files.

The files are INI with one section: `wandb/settings` in the folder of a program, and one of the user's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from runstore.errors import SettingsError, StorageError

SECTION = "default"

# Where W&B's client looks for its servers where no base_url is set; keys are kept under this host then.
DEFAULT_BASE_URL = "https://api.forge.coreweave.com"

# Settings of W&B's client that are taken and have no effect: they steer its service process, its requests to the
# server (delivery is the daemon's, with settings of its own), its colours, or features that only its server has.
_TAKEN = """
allow_media_symlink allow_offline_artifacts anonymous app_url_override azure_account_url_to_access_key
console_chunk_max_bytes console_chunk_max_seconds console_multipart credentials_file disable_job_creation
finish_timeout finish_timeout_raises force heartbeat_seconds http_proxy https_proxy identity_token_file
init_timeout insecure_disable_ssl job_name job_source label_disable launch launch_config_path login_timeout
max_end_of_run_history_metrics max_end_of_run_summary_metrics organization relogin resumed sagemaker_disable
settings_system show_colors show_emoji stop_fn stop_on_fatal_error summary_timeout summary_warnings symlink
use_dot_wandb x_cli_only_mode x_disable_viewer x_executable x_extra_http_headers x_file_stream_max_bytes
x_file_stream_max_line_bytes x_file_stream_no_gzip x_file_stream_retry_max x_file_stream_retry_wait_max_seconds
x_file_stream_retry_wait_min_seconds x_file_stream_timeout_seconds x_file_stream_transmit_interval
x_file_transfer_retry_max x_file_transfer_retry_wait_max_seconds x_file_transfer_retry_wait_min_seconds
x_file_transfer_timeout_seconds x_files_dir x_flow_control_custom x_flow_control_disabled x_graphql_retry_max
x_graphql_retry_wait_max_seconds x_graphql_retry_wait_min_seconds x_graphql_timeout_seconds
x_history_value_encoding x_internal_check_process x_jupyter_name x_jupyter_path x_jupyter_root
x_live_policy_rate_limit x_live_policy_wait_time x_log_level x_network_buffer x_proxies
x_runqueue_item_id x_server_side_derived_summary x_service_transport x_service_wait x_skip_transaction_log
x_stats_buffer_size x_stats_coreweave_metadata_base_url x_stats_coreweave_metadata_endpoint x_stats_dcgm_exporter
x_stats_neuron_monitor_config_path x_stats_open_metrics_endpoints x_stats_open_metrics_filters
x_stats_open_metrics_http_headers x_stats_self_usage x_sync x_sync_dir_suffix x_transaction_log_flush_interval
"""
# Those of versions before 0.31.
_TAKEN_EARLIER = """
disable_hints magic problem start_method x_async_upload_concurrency_limit x_cuda x_disable_service
x_disable_setproctitle x_disable_update_check x_except_exit x_internal_queue_timeout x_require_core
x_require_legacy_service x_require_nexus x_require_service x_server_side_expand_glob_metrics x_stats_join_assets
x_stats_samples_to_average x_tmp_code_dir x_tracelog x_unsaved_keys
"""
WITHOUT_EFFECT = frozenset((*_TAKEN.split(), *_TAKEN_EARLIER.split()))

# Other names that a setting had in earlier versions.
EARLIER_NAMES = {
    "x_primary_node": "x_primary",
    "x_stats_sample_rate_seconds": "x_stats_sampling_interval",
}

# Not to be taken from a file: each depends on where the program runs.
_NOT_IN_FILES = ("root_dir", "settings_system")


def workspace_file() -> Path:
    """Return the settings file of the current folder, whether or not it exists."""
    # W&B's client prefers a folder `.wandb` where there is one.
    folder = ".wandb" if os.path.isdir(".wandb") else "wandb"
    return Path(folder) / "settings"


def user_file(environment: Mapping[str, str]) -> Path:
    """Return the user's settings file of stock tools, whether or not it exists."""
    folder = environment.get("WANDB_CONFIG_DIR")
    return Path(os.path.expanduser(folder or "~/.config/wandb")) / "settings"


def read(path: Path) -> dict[str, str]:
    """Return the settings in a file of stock tools; none where it does not exist or may not be read.

    Raises SettingsError where it is no such file.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except OSError:  # most people have none
        return {}
    except UnicodeDecodeError as error:
        raise _unusable(path, error) from error
    import configparser  # costs 3 ms, which only those pay who have such a file

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(content, str(path))
    except configparser.Error as error:
        raise _unusable(path, error) from error
    if not parser.has_section(SECTION):
        return {}
    return {name: value for name, value in parser.items(SECTION) if name not in _NOT_IN_FILES}


def write(path: Path, changes: Mapping[str, str | None]) -> bool:
    """Set values in a file of stock tools, or take those out that are None; return whether anything changed.

    All else in the section stays. The file is replaced as a whole. Raises StorageError, or SettingsError as `read`.
    """
    import configparser

    before = read(path)
    after = {name: value for name, value in {**before, **changes}.items() if value is not None}
    if after == before:
        return False
    parser = configparser.ConfigParser(interpolation=None)
    parser[SECTION] = after
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(partial, "w", encoding="utf-8") as file:
                parser.write(file)
            partial.replace(path.resolve())
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: can't be written ({error.strerror}); nothing was changed") from error
    return True


def _unusable(path: Path, error: Exception) -> SettingsError:
    reason = str(error).splitlines()[0]
    return SettingsError(f"{path}: is no settings file ({reason}); correct it or delete it")
