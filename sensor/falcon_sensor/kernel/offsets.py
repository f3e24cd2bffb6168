"""The members of kernel structures that the programs read, as C macros of their offsets.

One table, so that what Falco depends on in a kernel can be seen at a glance. Where a member moved
or was renamed, its paths stand in order of preference, newest first. Optional ones become -1
when a kernel lacks them, and the C text asks with `FALCON_HAS(...)`.
"""

from __future__ import annotations

from falcon_sensor.kernel import btf

_REQUIRED: dict[str, tuple[str, ...]] = {
    # the task and its ids
    "TASK_GROUP_LEADER": ("task_struct.group_leader",),
    "TASK_REAL_PARENT": ("task_struct.real_parent",),
    "TASK_PID": ("task_struct.pid",),
    "TASK_TGID": ("task_struct.tgid",),
    "TASK_COMM": ("task_struct.comm",),
    "TASK_START": ("task_struct.start_boottime", "task_struct.real_start_time"),
    "TASK_THREAD_PID": ("task_struct.thread_pid",),
    "TASK_SIGNAL": ("task_struct.signal",),
    "TASK_CRED": ("task_struct.cred",),
    "TASK_NSPROXY": ("task_struct.nsproxy",),
    "TASK_FS": ("task_struct.fs",),
    "TASK_FILES": ("task_struct.files",),
    "TASK_MM": ("task_struct.mm",),
    "TASK_CGROUPS": ("task_struct.cgroups",),
    "PID_LEVEL": ("pid.level",),
    "PID_NUMBERS": ("pid.numbers",),
    "UPID_NR": ("upid.nr",),
    "UPID_NS": ("upid.ns",),
    "PIDNS_INUM": ("pid_namespace.ns.inum",),
    "SIGNAL_PIDS": ("signal_struct.pids",),
    "SIGNAL_TTY": ("signal_struct.tty",),
    "TTY_DRIVER": ("tty_struct.driver",),
    "TTY_INDEX": ("tty_struct.index",),
    "TTY_DRIVER_MAJOR": ("tty_driver.major",),
    "TTY_DRIVER_MINOR": ("tty_driver.minor_start",),
    "CRED_EUID": ("cred.euid",),
    "CRED_EGID": ("cred.egid",),
    "CRED_FSUID": ("cred.fsuid",),
    "CRED_FSGID": ("cred.fsgid",),
    "CRED_EFFECTIVE": ("cred.cap_effective",),
    "CRED_PERMITTED": ("cred.cap_permitted",),
    "CRED_INHERITABLE": ("cred.cap_inheritable",),
    "NSPROXY_MNT_NS": ("nsproxy.mnt_ns",),
    "MNT_NS_INUM": ("mnt_namespace.ns.inum",),
    "NSPROXY_NET_NS": ("nsproxy.net_ns",),
    "NET_NS_INUM": ("net.ns.inum",),
    # control groups
    "CSS_SET_DEFAULT": ("css_set.dfl_cgrp",),
    "CSS_SET_SUBSYS": ("css_set.subsys",),
    "CSS_CGROUP": ("cgroup_subsys_state.cgroup",),
    "CGROUP_KN": ("cgroup.kn",),
    "KERNFS_PARENT": ("kernfs_node.__parent", "kernfs_node.parent"),
    "KERNFS_NAME": ("kernfs_node.name",),
    "KERNFS_ID": ("kernfs_node.id",),
    # files and paths
    "FS_ROOT": ("fs_struct.root",),
    "FS_PWD": ("fs_struct.pwd",),
    "PATH_MNT": ("path.mnt",),
    "PATH_DENTRY": ("path.dentry",),
    "FILES_FDT": ("files_struct.fdt",),
    "FDT_MAX": ("fdtable.max_fds",),
    "FDT_FD": ("fdtable.fd",),
    "FILE_PATH": ("file.f_path",),
    "FILE_INODE": ("file.f_inode",),
    "FILE_MODE": ("file.f_mode",),
    "FILE_PRIVATE": ("file.private_data",),
    "DENTRY_PARENT": ("dentry.d_parent",),
    "DENTRY_NAME": ("dentry.d_name.name", "dentry.__d_name.name"),
    "DENTRY_LENGTH": ("dentry.d_name.len", "dentry.__d_name.len"),
    "VFSMOUNT_ROOT": ("vfsmount.mnt_root",),
    "MOUNT_MNT": ("mount.mnt",),
    "MOUNT_PARENT": ("mount.mnt_parent",),
    "MOUNT_MOUNTPOINT": ("mount.mnt_mountpoint",),
    "INODE_INO": ("inode.i_ino",),
    "INODE_MODE": ("inode.i_mode",),
    "INODE_UID": ("inode.i_uid",),
    "INODE_GID": ("inode.i_gid",),
    "INODE_SB": ("inode.i_sb",),
    "INODE_CTIME_SEC": ("inode.i_ctime_sec", "inode.__i_ctime.tv_sec", "inode.i_ctime.tv_sec"),
    "INODE_CTIME_NSEC": ("inode.i_ctime_nsec", "inode.__i_ctime.tv_nsec", "inode.i_ctime.tv_nsec"),
    "INODE_MTIME_SEC": ("inode.i_mtime_sec", "inode.__i_mtime.tv_sec", "inode.i_mtime.tv_sec"),
    "INODE_MTIME_NSEC": ("inode.i_mtime_nsec", "inode.__i_mtime.tv_nsec", "inode.i_mtime.tv_nsec"),
    "SB_DEV": ("super_block.s_dev",),
    "SB_MAGIC": ("super_block.s_magic",),
    "SB_TYPE": ("super_block.s_type",),
    "FS_TYPE_NAME": ("file_system_type.name",),
    # executables
    "MM_EXE": ("mm_struct.exe_file",),
    "MM_ARG_START": ("mm_struct.arg_start",),
    "MM_ARG_END": ("mm_struct.arg_end",),
    "MM_ENV_START": ("mm_struct.env_start",),
    "MM_ENV_END": ("mm_struct.env_end",),
    "BPRM_FILENAME": ("linux_binprm.filename",),
    # sockets
    "SOCKET_SK": ("socket.sk",),
    "SOCKET_TYPE": ("socket.type",),
    "SOCK_FAMILY": ("sock.__sk_common.skc_family",),
    "SOCK_PROTOCOL": ("sock.sk_protocol",),
    "SOCK_PORT": ("sock.__sk_common.skc_num",),
    "SOCK_PEER_PORT": ("sock.__sk_common.skc_dport",),
    "SOCK_ADDRESS": ("sock.__sk_common.skc_rcv_saddr",),
    "SOCK_PEER_ADDRESS": ("sock.__sk_common.skc_daddr",),
}

_OPTIONAL: dict[str, tuple[str, ...]] = {
    "TASK_LOGINUID": ("task_struct.loginuid",),  # CONFIG_AUDIT
    "BPRM_FDPATH": ("linux_binprm.fdpath",),
    "SOCK_ADDRESS6": ("sock.__sk_common.skc_v6_rcv_saddr",),  # CONFIG_IPV6
    "SOCK_PEER_ADDRESS6": ("sock.__sk_common.skc_v6_daddr",),
    "SOCK_LOCKS": ("sock.sk_userlocks",),
    "CSK_BUCKET": ("inet_connection_sock.icsk_bind_hash",),
    "BUCKET_REUSE": ("inet_bind_bucket.fastreuse",),
    "UNIX_PEER": ("unix_sock.peer",),  # CONFIG_UNIX=y; as a module its types are elsewhere
    "UNIX_ADDRESS": ("unix_sock.addr",),
    "UNIX_ADDRESS_LENGTH": ("unix_address.len",),
    "UNIX_ADDRESS_NAME": ("unix_address.name",),
    # io_uring; `tracepoints` knows which of these its program cannot do without
    "REQ_OPCODE": ("io_kiocb.opcode",),
    "REQ_FLAGS": ("io_kiocb.flags",),
    "OPEN_DFD": ("io_open.dfd",),
    "OPEN_FILENAME": ("io_open.filename",),
    "OPEN_HOW": ("io_open.how",),
    "OPEN_SLOT": ("io_open.file_slot",),
    "FILENAME_NAME": ("filename.name",),
    "CONNECT_ADDRESS": ("io_connect.addr",),
    "CONNECT_LENGTH": ("io_connect.addr_len",),
    "RENAME_OLD_DFD": ("io_rename.old_dfd",),
    "RENAME_NEW_DFD": ("io_rename.new_dfd",),
    "RENAME_OLD": ("io_rename.oldpath",),
    "RENAME_NEW": ("io_rename.newpath",),
    "RENAME_FLAGS": ("io_rename.flags",),
    "LINK_OLD_DFD": ("io_link.old_dfd",),
    "LINK_NEW_DFD": ("io_link.new_dfd",),
    "LINK_OLD": ("io_link.oldpath",),
    "LINK_NEW": ("io_link.newpath",),
    "LINK_FLAGS": ("io_link.flags",),
    "UNLINK_DFD": ("io_unlink.dfd",),
    "UNLINK_NAME": ("io_unlink.filename",),
    "UNLINK_FLAGS": ("io_unlink.flags",),
    "MKDIR_DFD": ("io_mkdir.dfd",),
    "MKDIR_NAME": ("io_mkdir.filename",),
    "MKDIR_MODE": ("io_mkdir.mode",),
    "NEW_SOCKET_DOMAIN": ("io_socket.domain",),
    "NEW_SOCKET_TYPE": ("io_socket.type",),
    "NEW_SOCKET_PROTOCOL": ("io_socket.protocol",),
    "NEW_SOCKET_SLOT": ("io_socket.file_slot",),
    "ACCEPT_FLAGS": ("io_accept.flags",),
    "ACCEPT_SLOT": ("io_accept.file_slot",),
    "LISTEN_BACKLOG": ("io_listen.backlog",),
    "REQ_ASYNC": ("io_kiocb.async_data",),
    "ASYNC_ADDRESS": ("io_async_msghdr.msg.msg_name",),
    "ASYNC_ADDRESS_LENGTH": ("io_async_msghdr.msg.msg_namelen",),
    "SEND_ADDRESS": ("io_sr_msg.addr",),  # of kernels that copy it after submission, since 6.0
    "SEND_ADDRESS_LENGTH": ("io_sr_msg.addr_len",),
    "SEND_MESSAGE": ("io_sr_msg.umsg",),
    "CQE_RESULT": ("io_uring_cqe.res",),
    "CQE_FLAGS": ("io_uring_cqe.flags",),
    "CQE_USER_DATA": ("io_uring_cqe.user_data",),
    "REQ_USER_DATA": ("io_kiocb.cqe.user_data",),
    "REQ_FD": ("io_kiocb.cqe.fd",),
    "REQ_CONTEXT": ("io_kiocb.ctx",),
    "CONTEXT_NODES": ("io_ring_ctx.file_table.data.nodes",),
    "CONTEXT_FILES": ("io_ring_ctx.file_table.files",),  # instead of both: the files themselves, until 6.12
    "NODE_FILE": ("io_rsrc_node.file_ptr",),
}

_ARCHITECTURE: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {
        "REGS_NUMBER": ("pt_regs.orig_ax",),
        "REGS_AX": ("pt_regs.ax",),
        "REGS_BX": ("pt_regs.bx",),
        "REGS_CX": ("pt_regs.cx",),
        "REGS_DX": ("pt_regs.dx",),
        "REGS_SI": ("pt_regs.si",),
        "REGS_DI": ("pt_regs.di",),
        "REGS_BP": ("pt_regs.bp",),
        "REGS_R8": ("pt_regs.r8",),
        "REGS_R9": ("pt_regs.r9",),
        "REGS_R10": ("pt_regs.r10",),
        "TASK_COMPAT": ("task_struct.thread_info.status",),
    },
    "aarch64": {
        "REGS_NUMBER": ("pt_regs.syscallno",),
        "REGS_FIRST": ("pt_regs.orig_x0",),
        "REGS_X0": ("pt_regs.regs",),
        "TASK_COMPAT": ("task_struct.thread_info.flags",),
    },
}

_BITS = {"CONTEXT_COMPAT_BIT": "io_ring_ctx.compat"}
"""Members of one bit each."""

_SIZES = {"UPID_SIZE": "upid", "REGS_SIZE": "pt_regs", "INODE_SIZE": "inode"}


def macros(types: btf.Btf, machine: str) -> dict[str, int]:
    """Offsets by macro name (without the `FALCON_` in front) in bytes, of members of one bit in bits; -1 for optional
    members that are not there.

    machine: as `platform.machine()` names it. Raises BtfError naming the first required member this kernel lacks.
    """
    found = {name: types.offset(*paths) for name, paths in (_REQUIRED | _ARCHITECTURE[machine]).items()}
    found |= {name: types.size(struct) for name, struct in _SIZES.items()}
    for name, paths in _OPTIONAL.items():
        found[name] = types.offset(*paths) if any(map(types.has, paths)) else -1
    for name, path in _BITS.items():
        found[name] = types.bit(path) if types.has(path) else -1
    found["OVL_UPPER"] = _overlay_upper(types)
    return found


def _overlay_upper(types: btf.Btf) -> int:
    """From an overlay inode to its upper dentry: the member after the embedded inode.

    The overlay file system is often a module, whose types vmlinux's BTF does not have.
    """
    if types.has("ovl_inode.__upperdentry"):
        return types.offset("ovl_inode.__upperdentry") - types.offset("ovl_inode.vfs_inode")
    return types.size("inode")
